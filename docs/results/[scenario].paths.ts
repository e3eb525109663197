import { defineRoutes } from 'vitepress'
import { readResults } from '../data/results.ts'
import { readStages } from '../data/stages.ts'
import { resultsPage, scenarioNames } from '../render/results-page.ts'

/** One page per scenario, measured or not: those that a stage names, and those that have results. */
export default defineRoutes({
  watch: ['../../stages/*/stage.json', '../../bench/results/*/*.json'],
  paths: () => {
    const results = readResults()
    const stages = readStages()
    return scenarioNames(stages, results).map((scenario) => ({
      params: { scenario },
      content: resultsPage(scenario, stages, results),
    }))
  },
})
