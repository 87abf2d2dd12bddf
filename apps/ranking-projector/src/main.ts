import { runWorker } from '#libs/service';
import { RankingProjectorModule } from './ranking-projector.module.js';

await runWorker({
  name: 'ranking-projector',
  module: RankingProjectorModule,
  healthPort: 3003,
  batchSize: 1_000,
});
