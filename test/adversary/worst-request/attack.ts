/** Who sends a request. */
export const ROLES = ['nobody', 'player', 'server', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A request that is meant to cost as much as it can. */
export interface Attack {
  /** As the OpenAPI document names it: `GET /v1/leaderboards/{board}`. */
  readonly route: string;
  readonly role: Role;
  /** What is hostile about it, for the table. */
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}
