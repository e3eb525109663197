import { Fields } from './fields.ts'

/**
 * What a row says about a claim of the article.
 *
 * `open` until its stage exists and its evidence was judged; `not-testable-here` needs a note that says why.
 */
export const ledgerVerdicts = [
  'open',
  'reproduced',
  'refuted',
  'unit-error',
  'different-here',
  'not-testable-here',
] as const
export type LedgerVerdict = (typeof ledgerVerdicts)[number]

/** One row of the ledger. */
export interface Claim {
  /** Chapter, section and letter, e.g. `2.1a`. */
  id: string
  /** The article's claim in one sentence of ours. */
  claim: string
  /** 1..5 */
  chapter: number
  /** The stage that shows it, 1..7. */
  stage: number
  verdict: LedgerVerdict
  /** Ids of the errata page that belong to it. */
  errata: string[]
  /** Files or folders from the top folder: scenarios and tests. All of them exist. */
  evidence: string[]
  /** What a reader must know beside the verdict. */
  note: string
}

export const claimsFile = 'docs/data/claims.json'

export function readClaims(): Claim[] {
  return Fields.listOfFile(claimsFile).map((fields) => ({
    id: fields.text('id'),
    claim: fields.text('claim'),
    chapter: fields.number('chapter'),
    stage: fields.number('stage'),
    verdict: fields.choice('verdict', ledgerVerdicts),
    errata: fields.texts('errata'),
    evidence: fields.texts('evidence'),
    note: fields.has('note') ? fields.text('note') : '',
  }))
}

/** Titles of the article's chapters. */
export const chapters: Readonly<Record<number, string>> = {
  1: 'The panorama',
  2: 'The network and HTTP stack',
  3: 'Memory and garbage collection',
  4: 'Concurrent business logic',
  5: 'A million requests per second',
}

/** Every claim of the article, in its order. The ledger has exactly one row for each. */
export const claimIds: readonly string[] = [
  '1.0 1.1 1.2 1.3 1.4 1.5 1.6 1.7',
  '2.1a 2.1b 2.1c 2.1d 2.2a 2.2b 2.2c 2.2d 2.2e 2.3a 2.3b 2.3c 2.4a 2.4b 2.4c 2.5a 2.5b 2.5c 2.5d',
  '3.1a 3.1b 3.1c 3.2a 3.2b 3.2c 3.2d 3.3a 3.3b',
  '4.1a 4.1b 4.1c 4.2a 4.2b 4.3a 4.3b 4.3c 4.4a 4.4b 4.4c',
  '5.1 5.2 5.3 5.4 5.5 5.6 5.7 5.8 5.9 5.10',
].flatMap((ids) => ids.split(' '))

/** How many errata there are: E1 to E24. */
export const errataCount = 24
