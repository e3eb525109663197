import { measureHitRatio } from '@qps/client/experiments'
import { measured, measuring, programOptions } from './report.ts'

/* The hit ratio of a pool as a program: its server and its client are its own. */
const { seconds, given } = programOptions()
const startMs = performance.now()
measuring()
const { requests, errors, hitRatio, reconnectsPerS, resets } = await measureHitRatio({
  durationS: seconds,
  rateQps: Number(given['rate'] ?? 200),
  connectionsMax: Number(given['connections'] ?? 32),
  ...(given['idle-ms'] !== undefined && { idleTimeoutMs: Number(given['idle-ms']) }),
})
await measured({
  requests,
  errors,
  elapsedS: (performance.now() - startMs) / 1000,
  figures: { hitRatio, reconnectsPerSecond: reconnectsPerS, resets },
})
