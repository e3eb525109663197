import { runStage } from '@qps/console'
import { variants } from './variants.ts'

await runStage(new URL('./stage.json', import.meta.url), variants)
