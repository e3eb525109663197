import { runStage } from '@qps/console'
import { baseline } from './baseline.ts'
import { commonOptions } from './server.ts'
import { sharedMap } from './shared-map/shared-map.ts'
import { mapOptions } from './shared-map/shop-maps.ts'
import { poolOptions, workerPool } from './worker-pool/worker-pool.ts'

await runStage(
  new URL('../stage.json', import.meta.url),
  {
    baseline,
    // Loaded where it runs: gRPC and OpenTelemetry are of no use to the others.
    context: async (context) => (await import('./context/context.ts')).contextVariant(context),
    'shared-map': sharedMap,
    'worker-pool': workerPool,
  },
  { ...commonOptions, ...mapOptions, ...poolOptions },
)
