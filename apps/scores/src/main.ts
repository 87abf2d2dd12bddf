import { runWorker } from '#libs/service';
import { ScoresModule } from './scores.module.js';

await runWorker({ name: 'scores', module: ScoresModule, healthPort: 3001, batchSize: 1_000 });
