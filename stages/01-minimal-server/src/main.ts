import { runStage } from '@qps/console'
import { hardened, minimal, observed } from './server.ts'

await runStage(new URL('../stage.json', import.meta.url), { minimal, hardened, observed })
