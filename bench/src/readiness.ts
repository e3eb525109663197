import { QpsError } from '@qps/core'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fillCommand } from './arm.ts'
import { repositoryRoot } from './paths.ts'
import type { Scenario } from './scenario.ts'

/**
 * Why a scenario cannot run here: the first program of its variants that does not exist, in words. Undefined where it can.
 * Peers do not count: one that is missing is left out.
 */
export function missingFor(
  { variants }: Pick<Scenario, 'variants'>,
  root: string = repositoryRoot,
): string | undefined {
  const programs = variants.flatMap(({ command }) => command.filter((word) => /^\{root\}\/.*\.js$/.test(word)))
  const missing = programs.find((word) => !existsSync(fillCommand([word], { root })[0]!))
  if (missing === undefined) return undefined
  const stage = /^\{root\}\/(stages\/[^/]+)\//.exec(missing)?.[1]
  if (stage === undefined) return `${missing.replace('{root}/', '')} does not exist`
  return existsSync(join(root, stage)) ? `${stage} is not compiled` : `${stage} does not exist yet`
}

/**
 * Looks at all scenarios before the first is measured, so that minutes are not spent before the last one fails.
 *
 * @throws QpsError QPS_ARM_FAILED with the scenario, the stage, and how to build it.
 */
export function requireReady(scenarios: readonly Scenario[], root: string = repositoryRoot): void {
  for (const scenario of scenarios) {
    const missing = missingFor(scenario, root)
    if (missing === undefined) continue
    throw new QpsError('QPS_ARM_FAILED', `${scenario.name} cannot be measured: ${missing}`, {
      hint: missing.endsWith('compiled') ? 'compile it: npx tsc -b' : 'npm run bench lists the scenarios that can run',
    })
  }
}
