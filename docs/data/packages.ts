import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fields } from './fields.ts'
import { repositoryRoot } from './repository.ts'

export interface Package {
  /** Folder from the top, e.g. `packages/stats`; its page has the same address. */
  folder: string
  /** `@qps/stats` */
  name: string
  description: string
}

/** Every package that exists, by name. */
export function readPackages(): Package[] {
  return globSync('packages/*/package.json', { cwd: repositoryRoot })
    .toSorted()
    .map((file) => {
      const fields = Fields.ofFile(file)
      return { folder: dirname(file), name: fields.text('name'), description: fields.text('description') }
    })
}
