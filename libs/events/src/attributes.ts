/** Facts about a run that a board can show or filter by, such as the region or the character class. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Required attribute values: for each attribute, one value or a list of allowed values. */
export type AttributeFilter = Readonly<Record<string, Attribute | readonly Attribute[]>>;
type Attribute = string | number | boolean;
