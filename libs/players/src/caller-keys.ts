/** string that expires with the session: the session's player. @param hash of the token */
export const sessionKey = (prefix: string, hash: string) => `${prefix}:session:${hash}`;

/** string: recent failed logins from the address */
export const failedLoginsKey = (prefix: string, address: string) => `${prefix}:failed-logins:${address}`;

/** string: recent requests of a caller. The caller comes last because it may contain colons. */
export const limitKey = (prefix: string, routeClass: string, role: string, id: string) =>
  `${prefix}:limit:${routeClass}:${role}:${id}`;

/** string: the recent count of an hourly quota */
export const hourlyQuotaKey = (prefix: string, quota: string, id: string) =>
  limitKey(prefix, 'quota', quota, id);

/** string: bytes that a player has recently appended to the log */
export const hourlyBytesKey = (prefix: string, player: string) =>
  hourlyQuotaKey(prefix, 'player.bytesPerHour', player);
