import { defineRoutes } from 'vitepress'
import { readStages } from '../data/stages.ts'
import { chapter } from '../render/chapter.ts'

/** One chapter per stage folder: a new stage appears by itself. */
export default defineRoutes({
  watch: ['../../stages/*/{README.md,stage.json}', '../../bench/results/*/*.json', '../data/claims.json'],
  paths: () => readStages().map((stage) => ({ params: { stage: stage.slug }, content: chapter(stage) })),
})
