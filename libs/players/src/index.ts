export {
  failedCodesKey,
  failedLoginsKey,
  guestKeyKey,
  guestSecretKey,
  hourlyBytesKey,
  hourlyQuotaKey,
  limitKey,
  sessionKey,
  transferCodeKey,
  transferCodesKey,
} from './caller-keys.js';
export {
  credentialsKey,
  failedPlayerLoginsKey,
  namesKey,
  playerSessionsKey,
  profilesKey,
  scoredBoardsKey,
} from './keys.js';
export { NameSearch } from './name-search.js';
export { evolveProfile, type ProfileState } from './profile.fold.js';
export { type Profile, ProfileReader } from './profile.reader.js';
export { formatProfile, parseProfile, profileEffects } from './profile.store.js';
