/** The article that the page opens with, written for it. People and places in it are invented. */
export const EXAMPLE = `The bridge that counts its own rust

For forty years the bridge at Hallam Reach was painted every spring, and for forty years nobody asked whether it needed the paint. The county sent a crew of six, closed one lane for three weeks, and wrote the cost into the next budget without a line of explanation.

That ended last March, when an engineer named Ilse Okonjo glued 212 sensors to the steel. Each of them is the size of a matchbox, costs less than a tin of primer, and reports once an hour how damp the metal is and how fast it corrodes. Nobody at the county had asked her to do it. “I was tired of guessing,” she said, “and I was more tired of guessing the same thing every year.”

The first results were awkward. Of the 212 places, 190 had lost less metal in a decade than a kitchen knife loses in a year. The other 22 were corroding four times faster than the manual allows, and most of them sat beneath the footpath, where the painting crew had never been able to reach.

The county council now plans to stop the yearly painting and to spend a third of the money on those 22 places instead. It expects to save 1.4 million over five years, according to a report that was published on Tuesday. The painters' union calls the plan reckless. Its secretary, Tomas Brandt, said that a sensor can fail without anybody noticing, while a man with a scraper notices everything.

Okonjo does not disagree. “A sensor that says nothing is not a sensor that says all is well,” she wrote in the report, and she asked that two painters be kept on to check every instrument by hand twice a year. Brandt's members have not yet said whether they would do that work.

What happens next matters beyond one river. The region owns 340 steel bridges, most of them built in the same decade and painted on the same calendar. If the numbers from Hallam Reach hold elsewhere, the study concludes, more than half of all bridge maintenance goes to steel that does not need it, and almost none to the steel that does.

A vote is expected in June. Until then the bridge will not be painted, for the first spring since 1986. On a dry day last week, three people stopped on the footpath to ask what the small grey boxes were for.
`;
