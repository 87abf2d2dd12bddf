import { InvalidResetError, periodsOf } from '#libs/leaderboards';

/** Why a board cannot begin its periods so; nothing when it can. */
export function resetFault(reset: string, timezone?: string): string | undefined {
  try {
    periodsOf(reset, timezone);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidResetError) return error.message;
    throw error;
  }
}
