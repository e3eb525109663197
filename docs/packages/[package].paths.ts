import { basename } from 'node:path'
import { defineRoutes } from 'vitepress'
import { readPackages } from '../data/packages.ts'
import { packagePage } from '../render/package.ts'

/** One reference page per package: its README. */
export default defineRoutes({
  watch: ['../../packages/*/{README.md,package.json}'],
  paths: () => readPackages().map((one) => ({ params: { package: basename(one.folder) }, content: packagePage(one) })),
})
