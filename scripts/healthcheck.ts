/** For the image's HEALTHCHECK: exit status 0 when the service of this container is able to work. */

// The gateway listens on PORT, a worker on HEALTH_PORT; a container has one of them.
const answers = [process.env.PORT, process.env.HEALTH_PORT].map(async port => {
  const { ok, status } = await fetch(`http://127.0.0.1:${port}/readyz`, {
    signal: AbortSignal.timeout(3_000),
  });
  if (!ok) throw new Error(`port ${port} answers ${status}`);
});

await Promise.any(answers).catch(({ errors }: AggregateError) => {
  console.error(errors.map(({ message }) => message).join('; '));
  process.exit(1);
});
