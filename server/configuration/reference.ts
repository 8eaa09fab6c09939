import { expectedOf } from "./setting.ts";
import { CHAPTERS, SETTINGS } from "./settings.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|");

function rowOf(key: keyof typeof SETTINGS): string {
  const setting = SETTINGS[key];
  const otherwise = setting.default === undefined ? (setting.otherwise ?? "none") : `\`${setting.default}\``;
  const purpose = setting.secret ? `${setting.purpose} A secret: it is shown nowhere.` : setting.purpose;
  return `| \`${setting.name}\` | ${cell(otherwise)} | ${cell(expectedOf(setting))} | ${cell(purpose)} |`;
}

/** The reference of all settings, as README.md here holds it. */
export const configurationText = (): string => `# Settings

Environment variables, all optional. What is wrong is refused at start, all of it at once, by name; so is a variable that begins with
\`COUNTERFOIL_\` and is none of these, and an empty one. The process then ends with the status 78.

This file is made from [settings.ts](settings.ts) by \`npm run configuration\`.
${CHAPTERS.map(
  ([title, keys]) => `
## ${title}

| variable | default | expected | |
|---|---|---|---|
${keys.map(rowOf).join("\n")}
`,
).join("")}`;
