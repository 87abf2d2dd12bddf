import { hash } from 'node:crypto';

/** What stands for a secret wherever it is kept or looked for. The time that a look takes says nothing of the secret. */
export type TokenHash = string & { readonly ofToken: unique symbol };

/** A token is as random as its hash: there is nothing to salt or to slow down. */
export const hashOf = (token: string) => hash('sha256', token, 'base64url') as TokenHash;
