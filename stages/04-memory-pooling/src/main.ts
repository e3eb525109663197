import { runStage } from '@qps/console'
import { baseline } from './baseline.ts'
import { compiled } from './compiled.ts'
import { naive } from './naive.ts'
import { pooled, poolOptions } from './pooled.ts'
import { variant } from './server.ts'
import { unsafe } from './unsafe.ts'
import { zero } from './zero.ts'

await runStage(
  new URL('../stage.json', import.meta.url),
  {
    baseline: variant(baseline),
    naive: variant(naive),
    compiled: variant(compiled),
    pooled: variant(pooled),
    zero: variant(zero),
    unsafe: variant(unsafe),
  },
  poolOptions,
)
