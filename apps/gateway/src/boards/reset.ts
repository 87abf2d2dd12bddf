import { InvalidResetError, periodsOf } from '#libs/leaderboards';

/** Why the reset schedule is invalid; nothing when it is valid. */
export function resetFault(reset: string, timezone?: string): string | undefined {
  try {
    periodsOf(reset, timezone);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidResetError) return error.message;
    throw error;
  }
}
