import type { Server } from 'node:http';

/** Tells the benchmark where a baseline listens; it ends with the benchmark. */
export async function serve(listen: () => Promise<Server>): Promise<void> {
  const server = await listen();
  const { port } = server.address() as { port: number };
  process.once('disconnect', () => process.exit());
  process.send?.({ url: `http://127.0.0.1:${port}` });
}
