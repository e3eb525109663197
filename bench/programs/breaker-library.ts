import { programOptions } from './report.ts'

/* A library's part in both experiments with breakers: that with a `--trace` is 06-faults. */
if (programOptions().given['trace'] === undefined) await import('./breaker.ts')
else await import('./faults.ts')
