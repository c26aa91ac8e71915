package claims

func englishMonths() [12]string {
	return [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
		"November", "December"}
}

// english holds every sentence once for the total and once (".cell") for a cell.
// {to} and {from} are windows: "2020", "the 12 months to May 2026".
func english() map[string]phrase {
	return map[string]phrase{
		"counts":        {lead: "cases"},
		"range":         {lead: "{low} to {high}"},
		"percent":       {lead: "{n}%"},
		"month":         {lead: "{month} {year}"},
		"quarter":       {lead: "Q{quarter} {year}"},
		"window.twelve": {lead: "the 12 months to {period}"},
		"who.none":      {lead: "Agencies"},
		"who.two":       {lead: "{a} and {b}"},
		"who.many":      {lead: "{n} agencies"},

		"figure":      {"{n} {counts} recorded in {to}", " ({low} to {high})."},
		"figure.cell": {"{cell}: {n} recorded in {to}", " ({low} to {high})."},

		"more":          {"{n} {counts} recorded in {to}", " ({low} to {high}), {change} more than in {from}."},
		"more.percent":  {"{n} {counts} recorded in {to}", " ({low} to {high}), {change} more than in {from} (+{percent})."},
		"fewer":         {"{n} {counts} recorded in {to}", " ({low} to {high}), {change} fewer than in {from}."},
		"fewer.percent": {"{n} {counts} recorded in {to}", " ({low} to {high}), {change} fewer than in {from} (−{percent})."},
		"not_material.up": {"{n} {counts} recorded in {to}",
			" ({low} to {high}), {change} more than in {from}: about as many."},
		"not_material.down": {"{n} {counts} recorded in {to}",
			" ({low} to {high}), {change} fewer than in {from}: about as many."},
		"within_chance.up": {"{n} {counts} recorded in {to}",
			" ({low} to {high}), {change} more than in {from}, which chance alone can make."},
		"within_chance.down": {"{n} {counts} recorded in {to}",
			" ({low} to {high}), {change} fewer than in {from}, which chance alone can make."},
		"not_detected": {"{n} {counts} recorded in {to}",
			" ({low} to {high}), no detectable change from {from}: one under {visible} could have gone unseen."},

		"more.cell":          {"{cell}: {n} recorded in {to}", " ({low} to {high}), {change} more than in {from}."},
		"more.percent.cell":  {"{cell}: {n} recorded in {to}", " ({low} to {high}), {change} more than in {from} (+{percent})."},
		"fewer.cell":         {"{cell}: {n} recorded in {to}", " ({low} to {high}), {change} fewer than in {from}."},
		"fewer.percent.cell": {"{cell}: {n} recorded in {to}", " ({low} to {high}), {change} fewer than in {from} (−{percent})."},
		"not_material.up.cell": {"{cell}: {n} recorded in {to}",
			" ({low} to {high}), {change} more than in {from}: about as many."},
		"not_material.down.cell": {"{cell}: {n} recorded in {to}",
			" ({low} to {high}), {change} fewer than in {from}: about as many."},
		"within_chance.up.cell": {"{cell}: {n} recorded in {to}",
			" ({low} to {high}), {change} more than in {from}, which chance alone can make."},
		"within_chance.down.cell": {"{cell}: {n} recorded in {to}",
			" ({low} to {high}), {change} fewer than in {from}, which chance alone can make."},
		"not_detected.cell": {"{cell}: no detectable change",
			" in {to}. A change under {visible} since {from} could have gone unseen."},

		"break":           {"No comparison of {to} with {from}", ": a break in the series lies between them."},
		"withdrawn":       {"No comparison of {to} with {from}", ": a period that it needs or spans was withdrawn."},
		"empty_cell":      {"No comparison of {to} with {from}", ": a period that it needs has no figure."},
		"other_reporters": {"No comparison of {to} with {from}", ": not the same sources reported throughout."},
		"break.cell":      {"{cell}: no comparison of {to} with {from}", ". A break in the series lies between them."},
		"withdrawn.cell":  {"{cell}: no comparison of {to} with {from}", ". A period that it needs or spans was withdrawn."},
		"empty_cell.cell": {"{cell}: no comparison of {to} with {from}", ". A period that it needs has no figure."},
		"other_reporters.cell": {"{cell}: no comparison of {to} with {from}",
			". Not the same sources reported throughout."},

		"headline.more":               {lead: "{who} recorded more {counts} in {to} than in {from}."},
		"headline.fewer":              {lead: "{who} recorded fewer {counts} in {to} than in {from}."},
		"headline.about_as_many":      {lead: "{who} recorded about as many {counts} in {to} as in {from}."},
		"headline.within_chance.up":   {lead: "{who} recorded {n} {counts} in {to}, {change} more than in {from}, which chance alone can make."},
		"headline.within_chance.down": {lead: "{who} recorded {n} {counts} in {to}, {change} fewer than in {from}, which chance alone can make."},
		"headline.not_detected":       {lead: "No detectable change in the {counts} that {who} recorded in {to}."},
		"headline.cannot_say":         {lead: "{who} recorded {n} {counts} in {period}."},
		"headline.first":              {lead: "{who} recorded {n} {counts} in {to}."},
		"headline.cells": {lead: "{who} recorded more {counts} in {to} than in {from} in {more} of {cells} groups, " +
			"and fewer in {fewer}."},

		"headline.withdrawn":      {lead: "{headline} {period} is withdrawn."},
		"headline.withdrawn.many": {lead: "{headline} The {n} periods after it are withdrawn."},

		"headline.more.more":                   {lead: "{who} recorded more {counts} in {mid} and more again in {to}."},
		"headline.more.fewer":                  {lead: "{who} recorded more {counts} in {mid} and fewer in {to}."},
		"headline.more.about_as_many":          {lead: "{who} recorded more {counts} in {mid} and about as many in {to}."},
		"headline.more.within_chance.up":       {lead: "{who} recorded more {counts} in {mid}, and {n} in {to}: {change} more, which chance alone can make."},
		"headline.more.within_chance.down":     {lead: "{who} recorded more {counts} in {mid}, and {n} in {to}: {change} fewer, which chance alone can make."},
		"headline.fewer.within_chance.up":      {lead: "{who} recorded fewer {counts} in {mid}, and {n} in {to}: {change} more, which chance alone can make."},
		"headline.fewer.within_chance.down":    {lead: "{who} recorded fewer {counts} in {mid}, and {n} in {to}: {change} fewer, which chance alone can make."},
		"headline.fewer.more":                  {lead: "{who} recorded fewer {counts} in {mid} and more in {to}."},
		"headline.fewer.fewer":                 {lead: "{who} recorded fewer {counts} in {mid} and fewer again in {to}."},
		"headline.fewer.about_as_many":         {lead: "{who} recorded fewer {counts} in {mid} and about as many in {to}."},
		"headline.about_as_many.more":          {lead: "{who} recorded about as many {counts} in {mid} and more in {to}."},
		"headline.about_as_many.fewer":         {lead: "{who} recorded about as many {counts} in {mid} and fewer in {to}."},
		"headline.about_as_many.about_as_many": {lead: "{who} recorded about as many {counts} in {mid} and in {to}."},
		"headline.more.not_detected": {lead: "{who} recorded more {counts} in {mid}, " +
			"and no detectable change from that in {to}."},
		"headline.fewer.not_detected": {lead: "{who} recorded fewer {counts} in {mid}, " +
			"and no detectable change from that in {to}."},
	}
}
