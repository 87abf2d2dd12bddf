export default async function globalRedis(): Promise<void> {}
