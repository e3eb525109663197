import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { type StageProcess, startStage } from '@qps/testkit'
import { type Facet, likenesses, type Likeness } from './likeness.ts'

/** A server that the rows of the security table are tried on. */
export interface Variant {
  stage: string
  variant: string
  /** Whether the rows hold. A variant that is not hardened shows the stock behavior instead, on purpose. */
  hardened: boolean
}

const stages = new URL('../stages/', import.meta.url)

/** Every variant of every stage: all of them speak HTTP/1.1. */
export const variants: readonly Variant[] = readdirSync(stages)
  .filter((stage) => existsSync(new URL(`${stage}/stage.json`, stages)))
  .toSorted()
  .flatMap((stage) => {
    const manifest = readFileSync(new URL(`${stage}/stage.json`, stages), 'utf8')
    const { variants: named } = JSON.parse(manifest) as { variants: { name: string }[] }
    return named.map(({ name }) => ({ stage, variant: name, hardened: name !== 'minimal' }))
  })

export const stockVariants: readonly Variant[] = variants.filter(({ hardened }) => !hardened)

export const likenessOf = ({ stage, variant }: Variant): Likeness | undefined => likenesses[`${stage} ${variant}`]

/**
 * Those that a row is tried on: each implementation once, and so every variant that `likeness.ts` does not know.
 *
 * @param facets what the row tries. With several, a variant that has one of them of its own is among them.
 */
export function variantsWithOwn(...facets: readonly Facet[]): readonly Variant[] {
  return variants.filter((variant) => {
    const shared = likenessOf(variant)?.in ?? []
    return facets.some((facet) => !shared.includes(facet))
  })
}

/** Of {@link variantsWithOwn}, those on which the rows hold. */
export function hardenedWithOwn(...facets: readonly Facet[]): readonly Variant[] {
  return variantsWithOwn(...facets).filter(({ hardened }) => hardened)
}

/** Starts a variant as a process of its own. */
export function start({ stage, variant }: Variant): Promise<StageProcess> {
  return startStage(stage, ['--variant', variant])
}
