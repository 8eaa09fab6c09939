import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

/** WCAG 2.2 A and AA with axe's best practices; no rule is left out. */
const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

export interface AccessibilityViolation {
  rule: string;
  impact: string;
  help: string;
  helpUrl: string;
  /** Selector and reason, one for each element. */
  elements: { selector: string; html: string; why: string }[];
}

export interface AccessibilityReport {
  violations: AccessibilityViolation[];
  /** How many rules found something to check: a report over an empty page is not a green one. */
  checked: number;
  /** Rules that axe could not decide, for example text over a picture. */
  undecided: AccessibilityViolation[];
}

const shorten = (results: AxeResults["violations"]): AccessibilityViolation[] =>
  results.map((result) => ({
    rule: result.id,
    impact: result.impact ?? "unknown",
    help: result.help,
    helpUrl: result.helpUrl,
    elements: result.nodes.map((node) => ({
      selector: node.target.flat().join(" "),
      html: node.html,
      why: node.failureSummary ?? "",
    })),
  }));

/**
 * Runs axe over the page's main frame from an isolated world: the page's Content-Security-Policy and Trusted Types stay as they are.
 */
export async function checkAccessibility(page: Page): Promise<AccessibilityReport> {
  const session = await page.context().newCDPSession(page);
  try {
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", {
      frameId: frameTree.frame.id,
      worldName: "axe",
    });
    const evaluate = async (expression: string): Promise<unknown> => {
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
        contextId: executionContextId,
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    await evaluate(`${axe.source}; true`);
    const rules = Object.fromEntries(axe.getRules(standards).map((rule) => [rule.ruleId, { enabled: true }]));
    // Of what passes only the count is wanted: a selector for each element of it took most of the time.
    const options = { runOnly: { type: "tag", values: standards }, rules, resultTypes: ["violations", "incomplete"] };
    const results = (await evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as AxeResults;
    return {
      violations: shorten(results.violations),
      checked: results.passes.length + results.violations.length,
      undecided: shorten(results.incomplete),
    };
  } finally {
    await session.detach();
  }
}
