import { globSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fields } from './fields.ts'
import { repositoryRoot } from './repository.ts'

/** What a stage says about itself in its `stage.json`. */
export interface Stage {
  /** Folder from the top, e.g. `stages/01-minimal-server`; its page has the same address. */
  folder: string
  number: number
  slug: string
  title: string
  chapter: string
  question: string
  /** Ids of the ledger. */
  claims: string[]
  best: string
  variants: { name: string; summary: string }[]
  scenarios: string[]
}

/** Every stage that exists, in order. @throws Error naming the file and the field that is wrong. */
export function readStages(): Stage[] {
  return globSync('stages/*/stage.json', { cwd: repositoryRoot })
    .map(readStage)
    .toSorted((left, right) => left.number - right.number)
}

function readStage(file: string): Stage {
  const fields = Fields.ofFile(file)
  return {
    folder: dirname(file),
    number: fields.number('number'),
    slug: fields.text('slug'),
    title: fields.text('title'),
    chapter: fields.text('chapter'),
    question: fields.text('question'),
    claims: fields.texts('claims'),
    best: fields.text('best'),
    variants: fields.list('variants').map((variant) => ({
      name: variant.text('name'),
      summary: variant.text('summary'),
    })),
    scenarios: fields.texts('scenarios'),
  }
}
