import type { Datum, Operation } from '@qps/testkit'

/**
 * A history in writing, an operation a line: `thread from-to name inputs = output`, and before it `key:` where it is not that
 * of the others. What has no end is pending; what gives nothing has no output.
 *
 *   0 1-4 set 5
 *   1 2-3 get = 5
 *   b: 1 5- compareAndSet nothing 7
 */
export function written(text: string): Operation[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const match = /^\s*(?:(\w+): )?(\d+) (\d+)-(\d*) (\w+)([^=]*)(?:= (\S+))?$/.exec(line)
      if (match === null) throw new Error(`not an operation: ${line}`)
      const [, key = 'a', thread, from, to, name, inputs, output] = match
      return {
        thread: Number(thread),
        key,
        name: name!,
        inputs: inputs!.trim().split(' ').filter(Boolean).map(datum),
        output: datum(output),
        calledAt: Number(from),
        returnedAt: to === '' ? Infinity : Number(to),
      }
    })
}

function datum(word: string | undefined): Datum {
  if (word === undefined || word === 'nothing') return undefined
  return word === 'true' || word === 'false' ? word === 'true' : Number(word)
}
