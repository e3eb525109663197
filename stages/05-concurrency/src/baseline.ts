import type { StartVariant } from '@qps/console'
import { serveStage, stageRouter } from './server.ts'

/** Stage 4's engine and surface, on one thread: every request is handled by itself, and no two share anything. */
export const baseline: StartVariant = (context) => serveStage(context, stageRouter(context.given))
