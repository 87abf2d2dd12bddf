/** For `@Transform`: splits text at commas and, for secret files, at newlines. */
export const splitList = ({ value }: { value: unknown }) =>
  typeof value === 'string'
    ? value
        .split(/[,\n]/)
        .map(item => item.trim())
        .filter(item => item !== '')
    : value;
