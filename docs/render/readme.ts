import { readText } from '../data/repository.ts'
import { type Results, resultsOf } from '../data/results.ts'
import { measurement, notMeasured } from './scenario.ts'

/**
 * A README as a page shows it: included as it is, except that a results marker of a whole scenario gets the chart as well.
 *
 * @param path from the top folder. @param instead what stands there while the file does not exist.
 */
export function readme(path: string, instead: string, results: readonly Results[]): string {
  const text = readText(path)
  return text === undefined ? instead : literal(withResults(text, results))
}

/** `<!-- results:NAME -->` up to its end, NAME a scenario; single figures and the ladder stay as they were filled. */
const marker = /<!-- results:(\d\d-[^\s:]+) -->[^]*?<!-- \/results:\1 -->/g

function withResults(text: string, results: readonly Results[]): string {
  return text.replaceAll(marker, (_, scenario: string) => {
    const [latest] = resultsOf(scenario, results)
    return latest ? measurement(latest) : notMeasured(scenario)
  })
}

/** Keeps the template compiler away: double braces in a README are text. */
function literal(markdown: string): string {
  return `:::::: v-pre\n\n${markdown}\n\n::::::`
}
