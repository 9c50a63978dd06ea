import { afterEach, describe, expect, it } from 'vitest'
import { GROUPS, TOPICS } from './help'
import { plain, searchHelp } from './helpsearch'
import { setLocale } from '@/i18n'

afterEach(() => setLocale('en'))
const links = (query: string): string[] => searchHelp(query).map(({ link }) => link)

describe('the search', () => {
  it('finds by every word, wherever it stands, whatever its case', () => {
    expect(links('LOCKED account')).toContain('/help/failure/locked')
    expect(links('locked')).toContain('/help/password?q=locked')
    expect(links('wi-fi password 2.4')).toContain('/help/connect?q=wifiSetup')
    expect(links('quickddns')).toContain('/help/ways')
  })

  it('tells titles before texts', () => {
    expect(searchHelp('presets')[0]?.link).toBe('/help/control')
  })

  it('finds nothing for nothing, and says so for nonsense', () => {
    expect(links('')).toEqual([])
    expect(links('  ,. ')).toEqual([])
    expect(links('xylophone')).toEqual([])
  })

  it('knows no accents and no widths', () => {
    expect(plain('Ｗi-Fi Zúñiga')).toBe('wi-fi zuniga')
  })

  it('finds Chinese without spaces', () => {
    setLocale('zh')
    expect(links('锁定')).toContain('/help/password?q=locked')
    expect(links('密码错误')).toContain('/help/failure/wrongPassword')
    // The signs stand in another order than asked, as pairs.
    expect(links('端口映射')).toContain('/help/ways')
    expect(links('木琴')).toEqual([])
  })

  it('shows the words around the hit', () => {
    const place = searchHelp('10 seconds reset button').concat(searchHelp('ten seconds'))[0]
    expect(place?.excerpt).toContain('ten seconds')
    for (const { excerpt } of searchHelp('the')) expect(excerpt.length).toBeLessThan(115)
  })
})

it('every page of help stands in one group', () => {
  expect(GROUPS.flatMap(({ topics }) => topics).sort()).toEqual([...TOPICS].sort())
})
