import { Controller, type DynamicModule, Get, Header, Inject, Module, Res } from '@nestjs/common';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.js';

/** Something without which a service cannot do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** @throws an error that says what is missing */
  check(): Promise<void>;
}

const CHECKS = Symbol('readiness checks');

interface Reply {
  status(code: number): Reply;
}

/** Which checks pass, and why the others do not. */
async function readiness(
  checks: readonly ReadinessCheck[],
): Promise<{ ready: boolean; checks: Record<string, string> }> {
  const results = await Promise.all(
    checks.map(async ({ name, check }) => {
      const result = await check().then(
        () => 'ok',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      return [name, result] as const;
    }),
  );
  return { ready: results.every(([, result]) => result === 'ok'), checks: Object.fromEntries(results) };
}

@Controller()
class HealthController {
  constructor(@Inject(CHECKS) private readonly checks: readonly ReadinessCheck[]) {}

  @Get('healthz')
  alive(): object {
    return { status: 'alive' };
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<object> {
    const { ready, checks } = await readiness(this.checks);
    reply.status(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not ready', checks };
  }

  @Get('metrics')
  @Header('Content-Type', METRICS_CONTENT_TYPE)
  metrics(): Promise<string> {
    return renderMetrics();
  }
}

/** `/healthz`: alive. `/readyz`: able to work, or 503 and why not. `/metrics`: for Prometheus. */
@Module({})
export class HealthModule {
  static forRoot(checks: readonly ReadinessCheck[]): DynamicModule {
    return {
      module: HealthModule,
      controllers: [HealthController],
      providers: [{ provide: CHECKS, useValue: checks }],
    };
  }
}
