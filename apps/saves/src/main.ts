import { openLogWithDocuments, runWorker } from '#libs/service';
import { SavesModule } from './saves.module.js';

await runWorker({
  name: 'saves',
  module: SavesModule,
  healthPort: 3002,
  batchSize: 128,
  open: openLogWithDocuments,
});
