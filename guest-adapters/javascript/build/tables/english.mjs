// What currencies, units, regions and languages are called in English.

const A_TO_Z = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** Units of two, of which node does not tell which ones it has a name of its own for. */
const RATES = [
  'kilometer-per-hour', 'mile-per-hour', 'meter-per-second', 'liter-per-kilometer', 'mile-per-gallon', 'byte-per-second',
  'kilobyte-per-second', 'megabyte-per-second', 'gigabyte-per-second', 'bit-per-second', 'kilobit-per-second',
  'megabit-per-second', 'gigabit-per-second', 'foot-per-second', 'gram-per-liter', 'liter-per-hour',
];

export function english() {
  const pairs = A_TO_Z.flatMap((first) => A_TO_Z.map((second) => first + second));
  const regions = [...pairs, '001', '150', '419'];
  const languages = [...pairs.map((pair) => pair.toLowerCase()), 'en-US', 'en-GB', 'zh-Hans', 'zh-Hant', 'pt-BR', 'es-419', 'fr-CA'];
  const { icu, cldr } = process.versions;
  return `// Made of ICU ${icu}, CLDR ${cldr}.

/** \`code|symbol|in Britain|narrow|name|names|digits\`: what is missing at the end, or empty, is the usual. */
export const CURRENCIES =
  ${JSON.stringify(Intl.supportedValuesOf('currency').map(currency).join('\n'))};

/** \`unit|short one|short others|narrow|narrow|long|long\` */
export const UNITS =
  ${JSON.stringify([...Intl.supportedValuesOf('unit'), ...RATES].map(unit).join('\n'))};

export const REGIONS =
  ${JSON.stringify(names('region', regions))};

export const LANGUAGES =
  ${JSON.stringify(names('language', languages))};
`;
}

/** How a number shows its currency. */
function shown(value, options, locale = 'en-US') {
  const parts = new Intl.NumberFormat(locale, options).formatToParts(value);
  return parts.find(({ type }) => type === 'currency')?.value ?? '';
}

function currency(code) {
  const style = { style: 'currency', currency: code };
  const symbol = shown(1, style);
  const british = shown(1, style, 'en-GB');
  const narrow = shown(1, { ...style, currencyDisplay: 'narrowSymbol' });
  const one = shown(1, { ...style, currencyDisplay: 'name', minimumFractionDigits: 0, maximumFractionDigits: 0 });
  const others = shown(2, { ...style, currencyDisplay: 'name' });
  const digits = new Intl.NumberFormat('en', style).resolvedOptions().maximumFractionDigits;
  const unless = (value, usual) => (value === usual ? '' : value);
  const row = [code, unless(symbol, code), unless(british, symbol), unless(narrow, symbol), one, unless(others, `${one}s`), unless(digits, 2)];
  return row.join('|').replace(/\|+$/, '');
}

function unit(name) {
  const row = [name];
  for (const unitDisplay of ['short', 'narrow', 'long']) {
    const format = new Intl.NumberFormat('en-US', { style: 'unit', unit: name, unitDisplay });
    for (const value of [1, 2]) row.push(format.format(value).replace(`${value}`, '#'));
  }
  return row.join('|');
}

/** `code=name`, by bars, of those that have a name. */
function names(type, codes) {
  const known = new Intl.DisplayNames('en', { type, fallback: 'none' });
  const of = (code) => {
    try {
      return known.of(code);
    } catch {
      return undefined;
    }
  };
  return codes.flatMap((code) => (of(code) ? [`${code}=${of(code)}`] : [])).join('|');
}
