import type { DefaultTheme } from 'vitepress'
import { basename } from 'node:path'
import { addressOf } from '../data/addresses.ts'
import { readProjectPages } from '../data/linked.ts'
import { readPackages } from '../data/packages.ts'
import { readResults } from '../data/results.ts'
import { readStages } from '../data/stages.ts'
import { scenarioNames } from '../render/results-page.ts'

/** What there is, as it is found in the repository: a new stage, scenario or package needs no entry here. */
export function sidebar(): DefaultTheme.SidebarItem[] {
  const stages = readStages()
  return [
    {
      text: 'Stages',
      items: stages.map(({ number, title, folder }) => ({ text: `${number} ${title}`, link: `/${folder}` })),
    },
    {
      text: 'Evidence',
      items: [
        { text: 'How we measure', link: '/how-we-measure' },
        { text: 'Ledger of claims', link: '/ledger' },
        { text: 'Errata', link: '/errata' },
      ],
    },
    {
      text: 'Results',
      items: scenarioNames(stages, readResults()).map((scenario) => ({ text: scenario, link: `/results/${scenario}` })),
    },
    { text: 'Packages', items: readPackages().map(({ name, folder }) => ({ text: name, link: `/${folder}` })) },
    { text: 'Project', items: [...readProjectPages().map(projectItem), { text: 'Glossary', link: '/glossary' }] },
  ]
}

function projectItem(path: string): DefaultTheme.SidebarItem {
  const text =
    basename(path) === 'README.md' ? path.slice(0, -'/README.md'.length) : basename(path, '.md').toLowerCase()
  return { text: text.charAt(0).toUpperCase() + text.slice(1), link: addressOf(path).replace(/\.md$/, '') }
}
