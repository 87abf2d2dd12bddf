import { Gauge } from 'prom-client';

/** Boards that are watched live, by how many clients. */
export const liveStreams = new Gauge({
  name: 'questlog_live_streams',
  help: 'Open live streams',
});
