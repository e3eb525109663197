import { defineConfig } from 'vitepress'
import { readStages } from '../data/stages.ts'
import { placeholders } from './placeholders-plugin.ts'
import { repositoryLinks } from './repository-links.ts'
import { search } from './search.ts'
import { sidebar } from './sidebar.ts'

const title = 'A million requests a second, measured'

export default defineConfig({
  title,
  description: 'Staged HTTP servers on stock Node, from the smallest one up, each figure measured by a command.',
  lang: 'en-US',
  srcExclude: ['README.md'],
  markdown: { config: repositoryLinks },
  vite: { plugins: [placeholders()] },
  themeConfig: {
    siteTitle: 'A million, measured',
    search: { provider: 'local', options: search },
    sidebar: sidebar(),
    outline: [2, 3],
    nav: [
      { text: 'Stages', link: `/${readStages()[0]?.folder ?? 'ledger'}`, activeMatch: '^/stages/' },
      { text: 'How we measure', link: '/how-we-measure' },
      { text: 'Ledger', link: '/ledger' },
    ],
  },
})
