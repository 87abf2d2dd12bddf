/** string that expires with the session: the session's player. @param hash of the token */
export const sessionKey = (prefix: string, hash: string) => `${prefix}:session:${hash}`;

/** string: the secret from which guests with an `Idempotency-Key` are derived; created once */
export const guestSecretKey = (prefix: string) => `${prefix}:guest-secret`;

/** string: `done ` if the guest was created, and a nonce; for 24 hours. @param id derived from the `Idempotency-Key` */
export const guestKeyKey = (prefix: string, id: string) => `${prefix}:guest-key:${id}`;

/** string: recent failed logins from the address */
export const failedLoginsKey = (prefix: string, address: string) => `${prefix}:failed-logins:${address}`;

/** string: how many wrong transfer codes came from the address of late */
export const failedCodesKey = (prefix: string, address: string) => `${prefix}:failed-codes:${address}`;

/** string: player, and how the player's hashed secrets began then. @param hash of the code */
export const transferCodeKey = (prefix: string, hash: string) => `${prefix}:transfer-code:${hash}`;

/** list: the player's transfer codes, by their hashes, oldest first; some may have been used */
export const transferCodesKey = (prefix: string, player: string) => `${prefix}:transfer-codes:${player}`;

/** string: recent requests of a caller. The caller comes last because it may contain colons. */
export const limitKey = (prefix: string, routeClass: string, role: string, id: string) =>
  `${prefix}:limit:${routeClass}:${role}:${id}`;

/** string: the recent count of an hourly quota */
export const hourlyQuotaKey = (prefix: string, quota: string, id: string) =>
  limitKey(prefix, 'quota', quota, id);

/** string: bytes that a player has recently appended to the log */
export const hourlyBytesKey = (prefix: string, player: string) =>
  hourlyQuotaKey(prefix, 'player.bytesPerHour', player);
