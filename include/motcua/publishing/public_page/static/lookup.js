// Look-up of one dossier by its code: one file of the feed is asked, and nothing leaves but the first digits of a hash.
"use strict";
(() => {
  const DAY = 86400000;
  const WEEKDAYS = ["Chủ nhật", "thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy"];
  const DONE = ["early", "on_time", "overdue"];
  const OPEN = ["within_time", "due_soon", "open_overdue"];
  const form = document.getElementById("form");
  const result = document.getElementById("result");
  const words = JSON.parse(document.getElementById("words").textContent);
  let asked = 0;

  const element = (tag, text, ...children) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    made.append(...children);
    return made;
  };

  const classed = (name, made) => {
    made.classList.add(...name.split(" "));
    return made;
  };

  const link = (href, text) => {
    const made = element("a", text);
    made.href = href;
    return made;
  };

  // "2018-10-12T09:30:00+07:00" is the city's own clock already: shown as it is written, counted in days as it is dated
  const parts = (text) => /^(\d+)-(\d+)-(\d+)(?:T(\d+:\d+))?/.exec(text).slice(1);
  const dayNumber = (text) => {
    const [year, month, day] = parts(text);
    return Date.UTC(year, month - 1, day) / DAY;
  };
  const inWords = (text) => {
    const [year, month, day] = parts(text);
    return `${WEEKDAYS[new Date(dayNumber(text) * DAY).getUTCDay()]}, ${Number(day)} tháng ${Number(month)} năm ${year}`;
  };
  const inFigures = (text) => {
    const [year, month, day] = parts(text);
    return `${day}/${month}/${year}`;
  };
  const moment = (text) => `${parts(text)[3]} ${inWords(text)}`;

  // working days after one day, up to and with another; null where the page does not know the holidays
  const swapped = new Set(words.swapped.map(dayNumber));
  const [firstCounted, lastCounted] = words.counted.map(dayNumber);
  const workingDays = (since, until) => {
    if (since < firstCounted || until > lastCounted) return null;
    let count = 0;
    for (let day = since + 1; day <= until; day += 1) {
      const weekday = new Date(day * DAY).getUTCDay();
      count += (weekday > 0 && weekday < 6) !== swapped.has(day);
    }
    return count;
  };
  const span = (since, until) => {
    const working = workingDays(since, until);
    if (working === null) return `${until - since} ngày, kể cả ngày nghỉ`;
    return working ? `${working} ngày làm việc` : `${until - since} ngày nghỉ`;
  };

  const due = (dossier, asOf) => {
    const end = dayNumber(dossier.due_at);
    const text = `${inWords(dossier.due_at)}`;
    if (OPEN.includes(dossier.progress)) {
      const now = dayNumber(asOf);
      if (end > now) return `${text}, còn ${span(now, end)}`;
      if (end === now) return `${text}, là ngày của số liệu này`;
      return `${text}, đã quá ${span(end, now)} tính đến ${inFigures(asOf)}`;
    }
    if (dossier.progress === "waiting") return `${text}; sẽ được tính lại sau khi ông/bà bổ sung`;
    if (!DONE.includes(dossier.progress) || !dossier.finished_at) return text;
    const finished = dayNumber(dossier.finished_at);
    if (finished < end) return `${text}; xong sớm ${span(finished, end)}`;
    return finished > end ? `${text}; xong chậm ${span(end, finished)}` : text;
  };

  const agency = (dossier) => {
    const name = dossier.agency_name ?? dossier.agency_code;
    return words.agencies.includes(dossier.agency_code) ? link(`don-vi/${dossier.agency_code}.html`, name) : name;
  };

  const facts = (dossier, asOf) => {
    const list = element("dl");
    const add = (label, ...value) => value[0] && list.append(element("dt", label), element("dd", "", ...value));
    add("Hẹn trả", dossier.due_at && due(dossier, asOf));
    add("Tiếp theo", words.next[dossier.status]);
    add("Hỏi ở đâu", "Bộ phận một cửa của ", agency(dossier));
    add("Thủ tục", dossier.procedure_name ?? dossier.procedure_code);
    add("Tiếp nhận", dossier.received_at && moment(dossier.received_at));
    add("Giải quyết xong", dossier.finished_at && moment(dossier.finished_at));
    add("Trả kết quả", dossier.returned_at && moment(dossier.returned_at));
    return list;
  };

  const steps = (dossier) => {
    const list = element(
      "ol",
      "",
      ...dossier.steps.map((step) =>
        element("li", words.status[step.status], element("span", [moment(step.at), step.agency].filter(Boolean).join(" · "))),
      ),
    );
    list.lastElementChild.setAttribute("aria-current", "step");
    return list;
  };

  const show = (code, dossier, asOf) => {
    const isLate = dossier.progress in words.apology;
    const last = dossier.steps.at(-1);
    const now = [words.status[dossier.status], words.punctuality[dossier.progress]].filter(Boolean).join(", ");
    const answer = element(
      "div",
      "",
      element("h3", `Hồ sơ ${code}`),
      classed(isLate ? "now late" : "now", element("p", now)),
    );
    if (last?.agency && !words.settled.includes(dossier.status)) answer.append(classed("where", element("p", `Đang ở: ${last.agency}`)));
    if (isLate) answer.append(classed("sorry", element("p", words.apology[dossier.progress])));
    answer.append(facts(dossier, asOf));
    if (dossier.steps.length) answer.append(element("h4", "Các bước đã qua"), steps(dossier));
    answer.append(classed("link", element("p", "", link(`#ma=${encodeURIComponent(code)}`, "Liên kết đến hồ sơ này"))));
    return answer;
  };

  // as people paste it: any dash, any kind of space, invisible marks
  const plain = (text) =>
    text.normalize("NFKC").replace(/[\u2010-\u2015\u2212]/g, "-").replace(/[\s\u200b-\u200f\ufeff]+/g, "").toUpperCase();

  const shardOf = async (code) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.slice(0, Number(form.dataset.hex));
  };

  const find = async (code) => {
    const answer = await fetch(`lookup/${await shardOf(code)}.json`, { cache: "no-cache" });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`lookup answered ${answer.status}`);
    const { as_of: asOf, dossiers } = await answer.json();
    // a shard whose dossiers did not change keeps its moment; the page's is as good, whichever is newer counts
    const newest = dayNumber(asOf) > dayNumber(words.as_of) ? asOf : words.as_of;
    return Object.hasOwn(dossiers, code) ? show(code, dossiers[code], newest) : null;
  };

  const lookUp = async (code) => {
    if (!code) return element("p", "Hãy nhập mã hồ sơ.");
    if (!crypto.subtle) return element("p", "Không tra cứu được: hãy mở trang này bằng địa chỉ bắt đầu bằng https.");
    try {
      const found = await find(code);
      return found ?? element("p", `Không thấy hồ sơ ${code}. Hãy kiểm tra lại mã; hồ sơ mới nộp có sau lần cập nhật tới, và hồ sơ của một số thủ tục không được công bố.`);
    } catch (error) {
      console.error(error);
      return element("p", "Không tải được dữ liệu tra cứu. Hãy kiểm tra kết nối mạng rồi thử lại sau ít phút.");
    }
  };

  const answerTo = async (text) => {
    const number = (asked += 1);
    const answer = await lookUp(plain(text));
    if (number === asked) result.replaceChildren(classed("answer", answer)); // else an answer to an older question
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answerTo(form.elements.code.value);
  });

  // the code stands behind "#", which no browser sends: it never reaches a log
  const follow = () => {
    const code = new URLSearchParams(location.hash.slice(1)).get("ma");
    if (!code) return;
    form.elements.code.value = code;
    answerTo(code);
    document.getElementById("tra-cuu").scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();
})();
