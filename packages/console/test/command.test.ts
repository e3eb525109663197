import { type CommandSpec, errorEvent, errorLine, exitCodeOf, parseCommand, runCommand } from '@qps/console'
import { QpsError } from '@qps/core'
import { expectReadmeExample } from '@qps/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { helpText } from '../src/help.ts'

const spec: CommandSpec = {
  name: 'npm run thing --',
  summary: 'Does a thing.',
  usage: 'URL [options]',
  positionals: { min: 0, max: 1 },
  options: {
    port: { type: 'integer', value: 'P', default: 8080, min: 0, max: 65_535, help: 'the port' },
    rate: { type: 'number', min: 0.5, help: 'the rate' },
    name: { type: 'string', short: 'n', help: 'the name' },
    header: { type: 'string', short: 'H', multiple: true, help: 'a header' },
    json: { type: 'boolean', help: 'JSON' },
  },
  examples: ['npm run thing -- x'],
}

describe('parsing', () => {
  test('values have their type; what is not given has its default', () => {
    const typed = parseCommand(spec, ['u', '--rate', '1.5', '-n', 'x', '-H', 'a: 1', '--header=b: 2', '--json'])
    expect([typed.positionals, typed.number('port'), typed.number('rate'), typed.text('name')]).toEqual([
      ['u'],
      8080,
      1.5,
      'x',
    ])
    expect([typed.list('header'), typed.flag('json'), typed.flag('nothing')]).toEqual([['a: 1', 'b: 2'], true, false])
  })

  test.each([
    [['--prot', '1'], 'unknown option --prot', 'did you mean "--port"?'],
    [['--port'], '--port needs a value (P)', '--help'],
    [['--port', '65536'], '--port must be a whole number from 0 to 65535, not "65536"', '--help'],
    [['--port', '80x'], 'not "80x"', '--help'],
    [['--port', ''], 'not ""', '--help'],
    [['--rate', '0.1'], '--rate must be a number of at least 0.5, not "0.1"', '--help'],
    [['--json=1'], '--json takes no value, and got "1"', '--help'],
    [['a', 'b'], 'unexpected "b"', '--help'],
    [['--__proto__', '1'], 'unknown option --__proto__', '--help'],
  ])('%j is refused in one line that says what and what next', (argv, what, next) => {
    const parse = (): unknown => parseCommand(spec, argv)
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'QPS_USAGE',
        message: expect.stringContaining(what),
        hint: expect.stringContaining(next),
      }),
    )
  })

  test('a missing word is named by the usage', () => {
    expect(() => parseCommand({ ...spec, positionals: { min: 1, max: 1 } }, [])).toThrow(
      'something is missing: npm run thing -- URL [options]',
    )
  })
})

test('the help lists every option with its default, and the examples', () => {
  const help = helpText(spec)
  for (const name of Object.keys(spec.options)) expect(help).toContain(`--${name}`)
  expect(help).toContain('(8080)')
  expect(help).toContain('$ npm run thing -- x')
  expect(help).toContain('-H, --header TEXT')
})

describe('the frame', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    process.exitCode = 0
  })

  async function run(
    argv: string[],
    main: () => Promise<number | void>,
  ): Promise<{ code: number; out: string; err: string }> {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const code = await runCommand(spec, argv, main)
    const textOf = (spy: typeof out): string => spy.mock.calls.map(([chunk]) => String(chunk)).join('')
    return { code, out: textOf(out), err: textOf(err) }
  }

  test.each([
    [undefined, 0],
    [new QpsError('QPS_PORT_IN_USE', 'm'), 1],
    [new QpsError('QPS_UNKNOWN_VARIANT', 'm'), 2],
    [new QpsError('QPS_PART_MISSING', 'm'), 3],
    [new TypeError('bug'), 1],
  ])('%s ends with exit code %i', async (error, code) => {
    const ended = await run([], async () => {
      if (error) throw error
    })
    expect(ended.code).toBe(code)
  })

  test('an error is one line on standard error, or one event on standard output', async () => {
    const main = async (): Promise<void> => {
      throw new QpsError('QPS_X', 'it broke', { hint: 'mend it' })
    }
    expect(await run([], main)).toEqual({ code: 1, out: '', err: 'QPS_X: it broke; mend it\n' })
    vi.restoreAllMocks()
    const json = await run(['--json'], main)
    expect(JSON.parse(json.out)).toEqual({ event: 'error', code: 'QPS_X', message: 'it broke', hint: 'mend it' })
    expect(json.err).toBe('')
  })

  test('--help wins over everything else and ends with 0', async () => {
    const ended = await run(['--help', '--nonsense'], async () => expect.unreachable())
    expect([ended.code, ended.out]).toEqual([0, helpText(spec)])
  })

  test('a system error keeps its code, a bug keeps its stack', () => {
    expect(errorLine(Object.assign(new Error('no such file'), { code: 'ENOENT' }))).toBe('ENOENT: no such file')
    expect(errorLine(new TypeError('bug'))).toContain('command.test.ts')
    expect(errorEvent(new TypeError('bug'))).toMatchObject({ code: 'QPS_INTERNAL', message: 'bug' })
    expect(exitCodeOf('x')).toBe(1)
  })
})

test("the README's example prints what it says", () => expectReadmeExample(new URL('../README.md', import.meta.url)))
