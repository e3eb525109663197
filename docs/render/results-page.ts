import { type Results, resultsOf } from '../data/results.ts'
import type { Stage } from '../data/stages.ts'
import { furtherMeasures, measurement, notMeasured, rawRounds } from './scenario.ts'
import { plain } from './table.ts'

/** Every scenario that there is something to say about, in order. */
export function scenarioNames(stages: readonly Stage[], results: readonly Results[]): string[] {
  const named = stages.flatMap(({ scenarios }) => scenarios)
  return [...new Set([...named, ...results.map(({ scenario }) => scenario)])].toSorted()
}

/** A scenario's page: one section per machine, the latest first, with every round. */
export function resultsPage(scenario: string, stages: readonly Stage[], all: readonly Results[]): string {
  const stage = stages.find(({ scenarios }) => scenarios.includes(scenario))
  const measured = resultsOf(scenario, all)
  return [
    `# Results of ${plain(scenario)}`,
    stage ? `An experiment of [stage ${stage.number}: ${plain(stage.title)}](/${stage.folder}.md).` : '',
    measured[0]?.question ? `**Question.** ${plain(measured[0].question)}` : '',
    measured.length === 0 ? notMeasured(scenario) : measured.map(section).join('\n\n'),
  ].join('\n\n')
}

function section(results: Results): string {
  return [
    `## ${plain(results.machine.slug)}`,
    measurement(results),
    details('Every round', rawRounds(results)),
    details('Every other measure', furtherMeasures(results)),
    `File: \`${results.file}\``,
  ].join('\n\n')
}

function details(title: string, content: string): string {
  return content === '' ? '' : `::: details ${title}\n\n${content}\n\n:::`
}
