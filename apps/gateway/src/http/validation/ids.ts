import { Injectable, type PipeTransform } from '@nestjs/common';
import { badRequest, badValue } from '../problem.js';

/** The id of a board, a player or a slot. Only text of this form becomes part of a Redis key. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;

/** The problem for `me` with a key. */
export const noOwnPlayer = () =>
  badRequest('"me" is the player of a session, and a key has none: name the player');

export const ID_RULE =
  '1 to 64 letters, digits, dots, underscores, colons or dashes, the first a letter or digit';

/** @throws Problem 400 */
@Injectable()
export class IdPipe implements PipeTransform<string, string> {
  transform(value: string, { data = 'id' }: { data?: string | undefined }): string {
    if (!ID_PATTERN.test(value)) throw badValue(data, `"${data}" is not an id: expected ${ID_RULE}`, value);
    return value;
  }
}

/**
 * A player's id from the path. `CallerGuard` has replaced the `me` of a session by the player's id already.
 *
 * @throws Problem 400
 */
@Injectable()
export class PlayerPipe extends IdPipe {
  override transform(value: string, metadata: { data?: string | undefined }): string {
    if (value === 'me') throw noOwnPlayer();
    return super.transform(value, metadata);
  }
}
