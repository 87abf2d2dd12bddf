import type { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { boardIn, moveLogClock } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';

const YEAR = 366 * 24 * 60 * 60_000;

/** What a run of a scenario has to do with. */
export interface System {
  readonly redis: RedisClient;
  readonly topology: Topology;
  readonly server: Client;
  readonly admin: Client;
}

/** Partitions of a lane: boards are at home in the first two, and spread from there over up to three. */
export const LANE_PARTITIONS = 4;

/**
 * Some of the log's partitions, of which one scenario at a time makes use: nobody else moves their clock. It begins
 * in the future, where real time does not count.
 */
export class Lane {
  private runs = 0;
  private time = Date.now() + YEAR;

  constructor(
    readonly system: System,
    private readonly number: number,
  ) {}

  /** What a score that is submitted now is stamped with, in ms since 1970. */
  get now(): number {
    return this.time;
  }

  /** Words that no other run has for its boards and players. */
  nextRun(): string {
    this.runs += 1;
    return `${this.number}x${this.runs}`;
  }

  board(name: string, which: number): string {
    return boardIn(this.system.topology, this.partitions[which] ?? 0, name);
  }

  /** To a time of a year, in ms from its beginning: the next one. */
  async moveInto(year: number): Promise<void> {
    const thisYear = new Date(this.time).getUTCFullYear();
    const time = Date.UTC(thisYear, 0) + year;
    await this.moveTo(time > this.time ? time : Date.UTC(thisYear + 1, 0) + year);
  }

  async moveTo(time: number): Promise<void> {
    this.time = Math.max(time, this.time + 1);
    const { redis, topology } = this.system;
    await moveLogClock(redis, topology, this.partitions, this.time);
  }

  private get partitions(): readonly number[] {
    return Array.from({ length: LANE_PARTITIONS }, (_, i) => LANE_PARTITIONS * this.number + i);
  }
}
