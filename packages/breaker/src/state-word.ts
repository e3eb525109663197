import type { BreakerState, Ticket } from './breaker.ts'

/*
 * The state of a circuit is one cell, so that it changes as a whole:
 *
 *   30 ………………… 7 | 6 … 2 | 1 0
 *   generation    | tries | phase
 *
 * The generation counts changes, so that the same state at another time is another word. Tries are how often the
 * circuit has opened again without having been closed in between. A ticket is the generation it was given in, and one
 * bit:
 *
 *   24 ……… 1 | 0
 *   generation | is a probe
 */
export const closed = 0
export const open = 1
export const halfOpen = 2

const generationMax = 2 ** 24 - 1
export const triesMax = 31
const names: readonly BreakerState[] = ['closed', 'open', 'half-open']

export function wordOf(generation: number, tries: number, phase: number): number {
  return (generation << 7) | (tries << 2) | phase
}

/** How every circuit begins. */
export const firstWord: number = wordOf(1, 0, closed)

export function phaseOf(word: number): number {
  return word & 3
}

export function triesOf(word: number): number {
  return (word >> 2) & triesMax
}

export function generationOf(word: number): number {
  return word >>> 7
}

/** 16 million changes later it begins again at 1, so that no ticket is 0. */
export function nextGeneration(word: number): number {
  const generation = generationOf(word)
  return generation === generationMax ? 1 : generation + 1
}

export function stateOf(word: number): BreakerState {
  return names[phaseOf(word)]!
}

export function ticketOf(generation: number, probe: boolean): Ticket {
  return generation * 2 + (probe ? 1 : 0)
}

export function isProbe(ticket: Ticket): boolean {
  return (ticket & 1) === 1
}

export function ticketGeneration(ticket: Ticket): number {
  return ticket >>> 1
}
