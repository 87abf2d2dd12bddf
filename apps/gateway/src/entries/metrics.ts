import { Gauge } from 'prom-client';

/** Open live streams of this gateway. */
export const liveStreams = new Gauge({
  name: 'questlog_live_streams',
  help: 'Open live streams',
});
