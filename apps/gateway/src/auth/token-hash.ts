import { hash } from 'node:crypto';

/** The hash that replaces a secret in memory and in Redis. Looking it up takes no time that depends on the secret. */
export type TokenHash = string & { readonly ofToken: unique symbol };

/** Tokens are random, so the hash needs neither salt nor cost. */
export const hashOf = (token: string) => hash('sha256', token, 'base64url') as TokenHash;
