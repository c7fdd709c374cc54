"""Words that shape a judgement: copulas, negation, hedges, modals, verbs of providing and of leaving out. Data only.

Each letter is the tag of a token in the tag string that `grammar` reads.
"""

FUNCTION_WORDS: dict[str, str] = {
    "L": "if, unless, whether, had the, had it, had this, even if, as long as, in case, what if, as if",
    "s": "should, could, would, must, needs, need, needed, ought, should've, could've, would've, needs to, need "
    "to, requires, wish, wished, would like, would have liked, would benefit from, could use, supposed to, "
    "meant to, shouldn't, wouldn't, hoped, hoping, expected, expecting, ideally, deserves, asks for, asked "
    "for, lets, wanted, want, wants, in need of, would be nice, would help, suggest, recommend, has to, have "
    "to, had to, calls for, asked, would have been, i would have liked, i would like, i'd like, i'd have "
    "liked, i wish, i would prefer, i would have preferred, i was hoping for, i'd prefer, i would love, i'd "
    "love, i expected, i would suggest, i would recommend, i suggest, i recommend, i was expecting, i'd have "
    "preferred",
    "Y": "don't think, do not think, don't believe, do not believe, doubt, don't feel, do not feel, not convinced, "
    "wouldn't say, would not say, wouldn't call, would not call, don't see how, don't find, do not find, "
    "didn't find, i don't think, i do not think, i don't believe, i do not believe, i don't feel, i doubt, "
    "i'm not convinced, i am not convinced, i wouldn't say, i would not say, i don't see",
    "i": "as explained, as mentioned, as stated, as described, as shown, as noted, as given, very, really, quite, "
    "extremely, so, also, highly, incredibly, super, pretty, fairly, rather, perfectly, completely, totally, "
    "entirely, fully, absolutely, exceptionally, particularly, especially, still, all, just, simply, well, "
    "truly, overall, reasonably, relatively, remarkably, wonderfully, clearly very, overly so, much, even, "
    "not only, a bit, a little, a bit too much, a tad, equally, definitely, certainly, obviously, actually, "
    "indeed, both, quite a bit, consistently, thoroughly well, surprisingly, as, unnecessarily, needlessly, "
    "excessively, painfully, terribly, awfully, badly, sufficiently, appropriately, adequately, "
    "fundamentally, blatantly, plain, outright, wildly, deeply, rather too, therefore, thus, hence, then, "
    "always, in fact, a little bit, very very, kinda, however small, again, initially, extra, undeniably, "
    "impressively, inherently, potentially, probably, likely, utterly, patently, downright, altogether, do, "
    "does, did, have been, has been, will, consequently, together, enough, stated above, can, can be, no "
    "doubt, no doubt that, without a doubt, without doubt, no question that, undoubtedly",
    "o": "no, without, zero, lacks, lack, lacked, devoid of, free of, free from, avoids, avoid, avoiding, avoided, "
    "not enough, not any, void of, few, lack of, absence of, little, not much, not many, too few, too little, "
    "hardly any, barely any, never any, insufficient, minimal, free, removes, eliminates, prevents, without "
    "any, no real, the absence of, short on, doesn't have enough, any lack of, very few, very little, almost "
    "no, only minimal, not a single, no clear, no actual, limited, scant, no mention of any, fewer, far "
    "fewer, i can't find any, i could not find any, i couldn't find any, i found no, i see no, i don't see "
    "any, i did not find any, i didn't find any, i did not see any",
    "c": "is, are, was, were, be, been, being, seems, seem, seemed, looks, looked, feels, felt, appears, appear, "
    "appeared, remains, remain, stays, sounds, sounded, gets, became, becomes, comes across as, turns out, "
    "turned out, proves, come across as, comes off as, tends to be, reads as, 're, came across as, is "
    "considered, strikes me as, serves as, ends up, isn't just, isn't only, is not just, is not only, isn't "
    "merely, is not merely, are not only, was not only, couldn't be more, could not be more",
    "C": "isn't, aren't, wasn't, weren't, isnt, arent, wasnt, werent, ain't",
    "!": "not, never, hardly, barely, scarcely, nothing, nobody, neither, none of, none, anything but, far from, "
    "rarely, by no means, no way, in no way, nowhere near, not at all, not even, not really, not very, not "
    "so, not that, refuses to, refused to, fails at, rather than being, instead of being, does nothing to, "
    "little to no, does little to, did little to, seldom, no longer, not particularly, not exactly, less "
    "than, not terribly, not especially, not necessarily, not too, not overly, not as, ceases to, stops short "
    "of, falls short of being, not able to, not manage to, nor does, nor is, nor are, nor do, nor did, nor "
    "has, nor was",
    "k": "i don't like the, i did not like the, i didn't like the, i dislike the, i do not like the, misses, miss, "
    "missed, missing, omits, omit, omitted, omitting, skips, skipped, skipping, skip, forgets, forgot, leaves "
    "out, left out, leaving out, neglects, neglected, overlooks, overlooked, ignores, ignored, ignoring, "
    "ignore, disregards, disregarded, disregard, violates, violated, violate, breaks, fails, failed, glosses "
    "over, exceeds, exceeded, goes over, deviates from, strays from, departs from, brushes over, contravenes, "
    "goes against, pays no attention to, sidesteps, flouts, does away with, drops, went over, falls short of, "
    "fell short of, mishandles, forgot about, forgets about, neglecting, overlooking, disregarding, "
    "violating, fails on, falls down on, lacking",
    "w": "i appreciate, i like the, i liked the, i like how, i like that, i appreciated, i enjoyed, i love the, i "
    "loved the, i also like the, provides, provide, provided, providing, gives, give, gave, giving, includes, "
    "including, contains, contain, contained, containing, offers, offer, offered, offering, has, have, had, "
    "having, uses, use, using, used, shows, showed, displays, demonstrates, demonstrated, presents, "
    "presented, presenting, supplies, adds, added, handles, handle, handled, handling, covers, covered, "
    "covering, addresses, address, addressed, addressing, accounts for, accounted for, employs, features, "
    "makes use of, comes with, maintains, maintain, maintained, keeps, kept, delivers, deliver, delivered, "
    "touches on, goes into, go into, mentions, mentioned, lists, listed, listing, includes all, arrives at, "
    "arrive at, reaches, reached, came to, creates, created, writes, wrote, written, writing, produces, "
    "produced, generates, generated, with, makes, make, made, performs, performed, makes good use of, went "
    "into, considers, considered, takes, took, tailors, captures, conveys, incorporates, incorporated, "
    "introduces, identifies, identified, identify, selects, chose, chooses, picked, picks, applies, applied, "
    "draws, stated, displayed, starts with, begins with, commits, committed, makes up for, suffers from, "
    "suffer from, exhibits, shares, checks, check, checks for, check for, validates, bothers with, showcases, "
    "supports, supported, backs up, sets, highlights, highlighted, delves into, is full of, is riddled with, "
    "riddled with, full of, filled with, possesses, encompasses, cites, cite, cited, resulted in, results in, "
    "got, gets to, explained with, take, find, finds, finding, apply, create, draw, reach, write, leaves, "
    "leave, renders, render, consider it, calculates, calculated, proposes, proposed, suggests, choose, "
    "select, pick",
    "h": "somewhat, partially, partly, slightly, to some extent, in part, not entirely, not fully, not completely, "
    "not quite, not always, not totally, not wholly, not all, not all of, only partly, only partially, in "
    "places, half, sort of, kind of, only some, only some of, to a degree, not perfectly, not consistently, "
    "semi, moderately, not everything, not one hundred percent, only part of, sometimes, at times, not every, "
    "partial, only half, isn't fully, isn't entirely, isn't completely, aren't all, only a few, for two, "
    "mixed, isn't quite, inconsistently, not 100, might, may",
    "H": "mostly, largely, almost, nearly, mainly, close to, for the most part, near, pretty close to, very close "
    "to, generally, quite close to, most, most of, some, some of, a few of, many of, parts of, half of, part "
    "of, borderline, predominantly, by and large, a majority of, the majority of, only, more or less, only "
    "one of, only two of, only one, only two, only three of, some parts of, a portion of, about half, until, "
    "apart from, other than, basically, in general, on the whole, virtually, practically",
    "t": "too, overly, unduly, way too, far too, a bit too, a little too, much too, just too, slightly too, "
    "somewhat too, over, too many, too much, far too many, way too many, way too much",
    "m": "more, better, less, further, additional",
    "d": "use of, the use of, choice of, selection of, the, a, an, its, their, his, her, your, some of the, of "
    "the, any of the, such, another, one, two, three, several, various, many, a few, a lot of, lots of, "
    "plenty of, multiple, numerous, each, every, own, few of the, certain, sample, other, more than one, a "
    "couple of, a number of, a variety of, a range of, four, five, different, user's, either, my, our, a set "
    "of, new, small, single, key, main, important, final, actual, specific type of",
    "p": "of, in, on, for, at, by, from, to the, within, about, throughout, inside, regarding, between, into, "
    "during, under, per, via, across, towards, toward, behind, above, below",
    "&": "and, or, and also, as well as, but also, plus, and therefore, and thus",
    "B": "but, although, though, while, whereas, however, yet, except, despite, even though, because, since, "
    "nevertheless, nonetheless, otherwise, in spite of, still though, albeit, unlike, aside from that, on the "
    "other hand, besides, except that, whilst, only that, so that, where, when, after, before, as it, as the, "
    "which means, who, how, why, what, as they, due to, given that, leading to",
    "e": "there",
    "f": "follows, follow, followed, following, adheres to, adhere to, adhered to, adhering to, complies with, "
    "comply with, complied with, respects, respect, meets, meet, met, meeting, satisfies, satisfy, satisfied, "
    "fulfills, fulfils, fulfill, fulfilled, obeys, obeyed, abides by, stays within, sticks to, stuck to, "
    "stick to, keeps to, keep to, sticks with, conforms to, conform to, aligns with, align with, honors, "
    "matches, match, matched, reflects, falls within, observes, stays true to the, stayed within, stay within",
    "F": "fails to, failed to, fail to, failing to, unable to, forgets to, forgot to, neglects to, neglected to, "
    "misses to, missed to, failure to, forgetting to, didn't manage to",
    "O": "i found, i find, i think, i thought, i feel, i believe, in my opinion, we find, i would say, i consider, "
    "i felt, i also find, i also found, to me, imo, i noticed, i see, i was, i am, it seems to me, i also "
    "think",
    "x": "fixes, fix, fixed, identifies the, points out, pointed out, corrects, corrected, catches, spots, "
    "detects, resolves, finds the, fixing, correcting, pointing out, solves, debugs, flags, notes, catch, "
    "spot, detect, to fix, explains the, addresses the",
    "v": "doesn't, don't, didn't, doesnt, dont, didnt, cannot, can't, cant, couldn't, won't, hasn't, haven't, "
    "hadn't, can not, doesn't seem to, couldnt, wont, havent, hasnt",
    "j": "to, so as to, in order to",
    "M": "mention, specify, state, discuss, tell, show, note, acknowledge, identify the, recognize, recognise, "
    "say, add, subtract, multiply, divide, calculate, convert, count, finish, perform, finish the, factor in, "
    "take into account, take into consideration, account for, consider, include, list, cover, bring up, tell "
    "us, deduct, compute, attempt, incorporate, reference, demonstrate, define, greet, plan, implement, "
    "return, update, differentiate, distinguish, mention any, mention the, state the, showing, mentioning, "
    "adding, considering, taking into account, stating, specifying",
    "D": "nor",
}
