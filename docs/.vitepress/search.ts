import type { DefaultTheme } from 'vitepress'
import { readPackages } from '../data/packages.ts'
import { readResults } from '../data/results.ts'
import { readStages } from '../data/stages.ts'
import { chapter } from '../render/chapter.ts'
import { packagePage } from '../render/package.ts'
import { fillPlaceholders } from '../render/placeholders.ts'
import { resultsPage } from '../render/results-page.ts'

/** Local search reads files, and a generated page has none: this hands it what the page consists of. */
export const search: DefaultTheme.LocalSearchOptions = {
  _render(text, env, markdown) {
    const page = env.relativePath.replace(/\.md$/, '')
    return markdown.renderAsync(generated(page) ?? fillPlaceholders(text), env)
  },
}

function generated(page: string): string | undefined {
  const stage = readStages().find(({ folder }) => folder === page)
  if (stage) return chapter(stage)
  const found = readPackages().find(({ folder }) => folder === page)
  if (found) return packagePage(found)
  const scenario = /^results\/(.+)$/.exec(page)?.[1]
  return scenario === undefined ? undefined : resultsPage(scenario, readStages(), readResults())
}
