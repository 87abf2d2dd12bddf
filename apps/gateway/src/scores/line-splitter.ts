import { isUtf8 } from 'node:buffer';

/** A line of a streamed text. */
export interface Line {
  /** 1-based. */
  readonly number: number;
  /** Without the newline. Missing when the line is too long or not UTF-8. */
  readonly text?: string;
}

const NEWLINE = 0x0a;

/** Splits a streamed text into lines, and holds at most one incomplete line. */
export class LineSplitter {
  private readonly pieces: Buffer[] = [];
  private held = 0;
  private lines = 0;

  /** @param limit bytes of a line, at most */
  constructor(private readonly limit: number) {}

  /** @returns the lines that end in this piece */
  push(piece: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
      lines.push(this.finish(piece.subarray(from, at)));
      from = at + 1;
    }
    this.hold(piece.subarray(from));
    return lines;
  }

  /** @returns the last line, when no newline ends it */
  end(): Line[] {
    return this.held > 0 ? [this.finish(Buffer.alloc(0))] : [];
  }

  private finish(piece: Buffer): Line {
    this.hold(piece);
    const bytes = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    const isReadable = this.held <= this.limit && bytes && isUtf8(bytes);
    this.pieces.length = 0;
    this.held = 0;
    this.lines += 1;
    return { number: this.lines, ...(isReadable && { text: bytes.toString('utf8') }) };
  }

  /** Of a line that is too long, only the length is held. */
  private hold(piece: Buffer): void {
    if (piece.length === 0 && this.pieces.length > 0) return;
    this.held += piece.length;
    if (this.held <= this.limit) this.pieces.push(piece);
    else this.pieces.length = 0;
  }
}
