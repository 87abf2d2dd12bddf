/** The HEALTHCHECK of the image: exits with status 0 when the service in this container is ready or degraded. */

// Same rule as `reachableHost`. This program runs every few seconds, and importing the configuration would take longer.
const { HOST = '' } = process.env;
const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST.includes(':') ? `[${HOST}]` : HOST;
// The gateway listens on PORT and a worker on HEALTH_PORT. A container runs only one of them.
const answers = [process.env.PORT, process.env.HEALTH_PORT].map(async port => {
  const { ok, status } = await fetch(`http://${host}:${port}/readyz`, {
    signal: AbortSignal.timeout(3_000),
  });
  if (!ok) throw new Error(`port ${port} answers ${status}`);
});

await Promise.any(answers).catch(({ errors }: AggregateError) => {
  console.error(errors.map(({ message }) => message).join('; '));
  process.exit(1);
});
